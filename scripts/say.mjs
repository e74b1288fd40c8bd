// What scripts print: short lines on stderr, so that stdout stays the program's own.
const colour = process.stderr.isTTY && !process.env['NO_COLOR'];
const paint = (code, text) => (colour ? `\u001B[${code}m${text}\u001B[0m` : text);

export const say = (text) => process.stderr.write(`${paint(36, '>')} ${text}\n`);

/** A fault the reader can act on: printed without a stack. */
export class ScriptError extends Error {}

/** The end of a program's complaint, without the stack of its own code. */
export const lastLines = (output, count = 15) =>
  output
    .trim()
    .split('\n')
    .filter((line) => !/^(npm error\s+)?\s*at /.test(line))
    .slice(-count)
    .join('\n');

export const seconds = (sinceMs) => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;

/** Runs a script's main function; a ScriptError is a message, anything else is a bug and keeps its stack. */
export const runMain = async (main) => {
  try {
    const code = await main();
    if (typeof code === 'number') process.exitCode = code;
  } catch (error) {
    process.stderr.write(
      `${paint(31, 'x')} ${error instanceof ScriptError ? error.message : /** @type {Error} */ (error).stack}\n`,
    );
    process.exitCode = 1;
  }
};
