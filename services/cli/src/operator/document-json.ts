import { viewOfDataText, type TaskDocument } from '@baton/protocols';

/** A document for machines: the field names of REST, data as values, what is only Baton's own left out. */
export const documentJson = (document: TaskDocument): object => {
  const { _id, epoch: _epoch, rev, subscriber_ids: _ids, args, payload, result, ...fields } = document;
  return { id: _id, revision: rev, ...fields, args: valueOf(args), payload: valueOf(payload), result: valueOf(result) };
};

const valueOf = (text: string | null): unknown => (text === null ? null : viewOfDataText(text));
