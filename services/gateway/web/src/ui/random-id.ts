/** Not `randomUUID`: over plain HTTP a browser does not have it. */
export const randomId = (): string =>
  [...crypto.getRandomValues(new Uint32Array(4))].map((n) => n.toString(36)).join('-');
