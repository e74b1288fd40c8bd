/** Tags as lists and filters know them: `name:value`, where 17 and `17` are the same. */
export type Tag = string;

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const TAG_LENGTH = 64 + 1 + 256;
const NUMBER = /^-?(0|[1-9]\d{0,14})(\.\d{1,6})?$/;

export const tagsOf = (wire: Readonly<Record<string, string | number | boolean>>): readonly Tag[] =>
  Object.entries(wire).map(([name, value]) => `${name}:${value}`);

/** What a server takes for one. */
export const isTag = (text: string): boolean => {
  const at = text.indexOf(':');
  return at > 0 && at < text.length - 1 && text.length <= TAG_LENGTH && NAME.test(text.slice(0, at));
};

/** Whether a task is let through: of each name that is asked for it has one of the values. */
export const hasTags = (tags: readonly Tag[], wanted: readonly Tag[]): boolean => {
  const names = new Set(wanted.map(nameOf));
  return [...names].every((name) => wanted.some((tag) => nameOf(tag) === name && tags.includes(tag)));
};

const nameOf = (tag: Tag): string => tag.slice(0, tag.indexOf(':'));

/** Of a form: `tenant=acme, order=17`. The tags, or what is wrong with the text. */
export const parseTags = (text: string): Readonly<Record<string, string | number | boolean>> | string => {
  const tags: Record<string, string | number | boolean> = {};
  for (const part of text.split(',')) {
    if (part.trim() === '') continue;
    const [name = '', ...rest] = part.split('=');
    const value = rest.join('=').trim();
    if (rest.length === 0 || !NAME.test(name.trim()))
      return `"${part.trim()}" is no tag: a name is letters, digits, _ and -, then = and a value.`;
    if (value === '' || value.length > 256) return `The value of ${name.trim()} is 1 to 256 characters.`;
    tags[name.trim()] = valueOf(value);
  }
  return Object.keys(tags).length > 32 ? 'At most 32 tags.' : tags;
};

const valueOf = (text: string): string | number | boolean => {
  if (text === 'true' || text === 'false') return text === 'true';
  return NUMBER.test(text) ? Number(text) : text;
};
