import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { rules } from '../client/rules.ts';
import { faultsOf, formatOf, readBody, type Format } from '../commands/read-command.ts';
import type { WorkRequest } from '../ports/work.ts';
import {
  beatRequest,
  claimRequest,
  finishRequest,
  WORK_VERSION,
  type BeatRequest,
  type ClaimRequest,
  type FinishRequest,
} from './shapes.ts';

/** A request that can be carried out. `name`: of the worker, as records and presence know it. */
export type WorkReading = { readonly format: Format; readonly name: string } & (
  | { readonly kind: 'claim'; readonly body: ClaimRequest & { readonly types: readonly string[] } }
  | { readonly kind: 'beat'; readonly body: BeatRequest }
  | { readonly kind: 'finish'; readonly body: FinishRequest }
  | { readonly kind: 'bad'; readonly code: 'INVALID_ARGUMENT' | 'VERSION_UNSUPPORTED'; readonly message: string }
);

/** Characters of the digest that stand behind a worker's name. */
const PROOF_LENGTH = 16;

/**
 * The name a worker goes by: what it calls itself, and a digest of its secret. So nobody speaks for a worker whose secret he
 * does not know, whichever supervisor he asks and whatever that one has heard before (behaviour O2); and a worker that is
 * started anew is another one.
 */
export const nodeNameOf = ({ worker, secret }: { readonly worker: string; readonly secret: string }): string =>
  `${worker}-${createHash('sha256').update(secret).digest('hex').slice(0, PROOF_LENGTH)}`;

/** Reads what came from outside. Never throws. */
export const readWork = (request: WorkRequest): WorkReading => {
  const format = formatOf(request) ?? 'json';
  const read = readBody(request);
  const name = 'body' in read ? nameIn(read.body) : '';
  const bad = (
    message: string,
    code: 'INVALID_ARGUMENT' | 'VERSION_UNSUPPORTED' = 'INVALID_ARGUMENT',
  ): WorkReading => ({
    kind: 'bad',
    format,
    name,
    code,
    message,
  });
  if ('fault' in read) return bad(read.fault);
  const { v } = read.body as { readonly v?: unknown };
  if (typeof v === 'number' && v > WORK_VERSION) {
    return bad(`version ${v} of the worker protocol is not spoken here, ${WORK_VERSION} is`, 'VERSION_UNSUPPORTED');
  }
  const { verb, type } = request;
  if (type !== undefined && verb !== 'claim') return bad(`the subject ends with ${verb}: nothing may stand behind it`);
  switch (verb) {
    case 'claim': {
      const parsed = claimRequest.safeParse(read.body);
      return parsed.success
        ? claimOf(parsed.data, type, format, bad)
        : bad(withTypes(faultsOf(parsed.error), read.body));
    }
    case 'beat':
      return readAs('beat', beatRequest.safeParse(read.body), format, bad);
    case 'finish':
      return readAs('finish', finishRequest.safeParse(read.body), format, bad);
    default:
      return bad(`there is no request '${verb.slice(0, 50)}', only claim, beat and finish`);
  }
};

type Bad = (message: string) => WorkReading;

const readAs = <K extends 'beat' | 'finish', T extends { readonly worker: string; readonly secret: string }>(
  kind: K,
  parsed: z.ZodSafeParseResult<T>,
  format: Format,
  bad: Bad,
): WorkReading =>
  parsed.success
    ? ({ kind, format, name: nodeNameOf(parsed.data), body: parsed.data } as unknown as WorkReading)
    : bad(faultsOf(parsed.error));

/** What may be claimed is said by subject: the body must not get around it (behaviour O2). */
const claimOf = (body: ClaimRequest, type: string | undefined, format: Format, bad: Bad): WorkReading => {
  const types = body.types ?? (type === undefined ? [] : [type]);
  if (types.length === 0) return bad('types: a claim names the types its worker serves');
  // That of the subject comes by no shape.
  if (!types.every(rules.type.holds)) return bad(`types: ${rules.type.says}`);
  if (type !== undefined && types.some((each) => each !== type))
    return bad(`types: the subject is for '${type}' alone`);
  const { definitions = [] } = body;
  const stray = definitions.find((each) => !types.includes(each.type));
  if (stray !== undefined) return bad(`definitions: '${stray.type}' is not among the types`);
  const twice = definitions.find(({ type: each }, i) => definitions.findIndex((other) => other.type === each) < i);
  if (twice !== undefined) return bad(`definitions: there are two of '${twice.type}'`);
  return { kind: 'claim', format, name: nodeNameOf(body), body: { ...body, types: [...new Set(types)].toSorted() } };
};

/** Faults of definitions by the types they are of, as their worker knows them. */
const withTypes = (faults: string, { definitions }: { readonly definitions?: unknown }): string =>
  faults.replaceAll(/definitions\.(\d{1,4})\./g, (place, number: string) => {
    const type = Array.isArray(definitions) ? (definitions[Number(number)] as { type?: unknown })?.type : undefined;
    return rules.type.holds(type) ? `definitions: that of '${String(type)}': ` : place;
  });

/** Also of a request that is bad otherwise: whoever answers its worker says so. */
const nameIn = (body: object): string => {
  const { worker, secret } = body as { readonly worker?: unknown; readonly secret?: unknown };
  return typeof worker === 'string' && typeof secret === 'string' ? nodeNameOf({ worker, secret }) : '';
};
