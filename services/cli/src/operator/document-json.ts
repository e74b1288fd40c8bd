import { viewOfDataText, type TaskDocument } from '@baton/protocols';

/** A document for machines: the field names of REST, data as values, what is only Baton's own left out. */
export const documentJson = (document: TaskDocument): object => {
  const { _id, epoch: _epoch, rev, subscriber_ids: _ids, args, payload, result, ...others } = document;
  const { depends_on: edges, depends_on_ids: _edges, tag_terms: _terms, ...fields } = others;
  const dependsOn = edges === undefined ? {} : { depends_on: edges.map(({ left: _left, ...edge }) => edge) };
  return {
    id: _id,
    revision: rev,
    ...fields,
    ...dependsOn,
    args: valueOf(args),
    payload: valueOf(payload),
    result: valueOf(result),
  };
};

const valueOf = (text: string | null): unknown => (text === null ? null : viewOfDataText(text));
