import type { JetStreamApi } from '../wire.ts';

type Info = {
  readonly state: { readonly subjects?: Readonly<Record<string, number>> };
  /** In all pages together. */
  readonly total?: number;
};

/** How much further back a page is asked for again. */
const BACK_FACTOR = 100;

/**
 * All subjects of a stream that fit a filter, page by page. The server tells them sorted from an offset on, and decides how
 * many at once. What others remove meanwhile moves the rest forward, so every page has to begin among what was told before:
 * one that does not is asked for again from further back.
 */
export async function* subjectsOf(
  api: Pick<JetStreamApi, 'call'>,
  stream: string,
  filter: string,
): AsyncGenerator<readonly string[]> {
  let last: string | undefined;
  let told = 0;
  let back = 1;
  for (;;) {
    const offset = Math.max(0, told - back);
    const { state, total = 0 } = await api.call<Info>(`STREAM.INFO.${stream}`, { subjects_filter: filter, offset });
    const page = Object.keys(state.subjects ?? {});
    if (offset > 0 && isBehind(page[0], last)) {
      back *= BACK_FACTOR;
      continue;
    }
    const first = page.findIndex((subject) => isBehind(subject, last));
    const news = first < 0 ? [] : page.slice(first);
    if (news.length > 0) yield news;
    last = news.at(-1) ?? last;
    told = offset + page.length;
    back = 1;
    if (told >= total) return;
  }
}

/** In the server's order, which is that of the bytes. */
const isBehind = (subject: string | undefined, last: string | undefined): boolean =>
  subject === undefined || last === undefined || Buffer.compare(Buffer.from(subject), Buffer.from(last)) > 0;
