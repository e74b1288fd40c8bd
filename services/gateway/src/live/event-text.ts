/** Names of server-sent events: a fixed set, since a name from user data could carry a line break. */
export type EventName = 'snapshot' | 'task' | 'leave' | 'gone' | 'progress' | 'end' | 'reset' | 'feed';

/**
 * One event as it goes over the wire. JSON has no raw line break, so whatever is in the data stays in its one line; ids are
 * digits and a dash.
 */
export const eventText = (name: EventName, data: unknown, id?: string): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

export const KEEP_ALIVE = ': keep-alive\n\n';

/** Whether the server itself hears of changes as they happen. Not said to who begins while it does. */
export const feedText = (live: boolean): string => eventText('feed', { live });
