/** What stands between `://` and the last `@` before the path: user, password or token. */
const URL_LOGIN = /:\/\/[^\s/"?#]*@/g;

/**
 * Control and direction characters that JSON leaves as they are: C1 controls drive terminals as escape sequences do,
 * line separators split a line, direction marks make it read as something else.
 */
const UNSAFE = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Shorter ones would blank half of every text, and protect nothing. */
const SECRET_MIN_LENGTH = 4;

/**
 * Makes a function that takes logins of URLs and the given secrets out of a text or a JSON line. The places are found in
 * the finished text, so that no way into it is forgotten: fields, messages, errors, causes.
 */
export const hideSecrets = (secrets: readonly string[]): ((text: string) => string) => {
  const inJson = (secret: string): string => JSON.stringify(secret).slice(1, -1);
  const hidden = [...new Set(secrets.filter((s) => s.length >= SECRET_MIN_LENGTH).flatMap((s) => [s, inJson(s)]))];
  return (text) => {
    let shown = text.includes('@') ? text.replace(URL_LOGIN, '://***@') : text;
    for (const secret of hidden) shown = shown.replaceAll(secret, '***');
    return shown;
  };
};

/** A JSON line that is safe to print on a terminal: still the same JSON value. */
export const printable = (json: string): string =>
  json.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
