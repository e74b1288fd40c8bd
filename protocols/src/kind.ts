/**
 * What kinds of values there are in a shape. By hand, because it runs for every record: a schema library costs ten times as
 * much here as the decoding itself.
 *
 * `check` says of any value whether it is one. `read` and `write` are the fast way to and from bytes and take the usual
 * forms alone: they throw UNUSUAL for others, and for whatever `check` refuses, never accept more.
 */
export type Kind = {
  readonly check: (value: unknown) => boolean;
  readonly read: () => unknown;
  readonly write: (value: unknown) => void;
};

export type Fields = Readonly<Record<string, Kind>>;
