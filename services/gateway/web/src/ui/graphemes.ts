/** Code units of the longest character worth waiting for: a text may be a million accents on one letter. */
const LONGEST = 40;

const SEGMENTS = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** At most so many characters as people count them: a cut in the middle of one would show as a box. */
export const firstCharacters = (text: string, count: number): string => {
  let end = 0;
  let taken = 0;
  for (const { segment } of SEGMENTS.segment(text.slice(0, count * LONGEST))) {
    if (taken === count) break;
    taken++;
    end += segment.length;
  }
  return text.slice(0, end);
};

/** Shortened to `most` characters, with an ellipsis as the last one. */
export const shortened = (text: string, most: number): string =>
  firstCharacters(text, most) === text ? text : `${firstCharacters(text, most - 1)}…`;
