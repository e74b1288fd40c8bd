import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** One line, or several, for people. */
export const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Colour on a terminal that wants it, plain text elsewhere. */
export const styled = (style: Style, text: string): string =>
  process.stdout.isTTY && !process.env['NO_COLOR'] ? styleText(style, text) : text;
