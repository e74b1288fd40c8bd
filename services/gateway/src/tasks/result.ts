import { readDataText, viewOfDataText, type TaskDocument } from '@baton/protocols';
import { loadValue, type DataStore } from '@baton/runtime';

/** What the task returned, also where it lies beside the record. Rejects with DataLostError when it cannot be had. */
export const resultOf = ({ result }: Pick<TaskDocument, 'result'>, data: DataStore): Promise<unknown> =>
  wholeOf(result, data);

/** What the task was given; as `resultOf`. */
export const argsOf = ({ args }: Pick<TaskDocument, 'args'>, data: DataStore): Promise<unknown> => wholeOf(args, data);

const wholeOf = async (text: string | null, data: DataStore): Promise<unknown> => {
  if (text === null) return null;
  const reading = readDataText(text);
  if (reading.kind === 'lost' || reading.data instanceof Uint8Array) return viewOfDataText(text);
  return viewOf(await loadValue(data, reading.data));
};

/** As deep as data is, which is bounded. */
const viewOf = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return { $base64: Buffer.from(value).toString('base64') };
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(viewOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, viewOf(member)]));
};
