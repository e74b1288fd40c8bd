/** Place in the bucket: `<epoch>-<revision>`, good for every gateway of an installation. */
export type EventId = { readonly epoch: number; readonly revision: number };

const PATTERN = /^(\d{1,16})-(\d{1,16})$/;

export const writeEventId = ({ epoch, revision }: EventId): string => `${epoch}-${revision}`;

/** Undefined for what is no id; whoever sent it starts anew. */
export const readEventId = (text: string): EventId | undefined => {
  const [, epoch, revision] = PATTERN.exec(text) ?? [];
  if (epoch === undefined || revision === undefined) return undefined;
  const id = { epoch: Number(epoch), revision: Number(revision) };
  return Number.isSafeInteger(id.epoch) && Number.isSafeInteger(id.revision) ? id : undefined;
};
