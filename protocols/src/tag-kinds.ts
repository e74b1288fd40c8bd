import { isTagValue, TAG_NAME_PATTERN } from '@baton/core';
import { formed } from './kind-forms.ts';
import type { Kind } from './kind.ts';
import {
  isBooleanNext,
  isTextNext,
  readBoolean,
  readMapSize,
  readNumber,
  readText,
  readWord,
  UNUSUAL,
} from './msgpack-read.ts';
import { closeMap, openMap, writeBoolean, writeNumber, writeText } from './msgpack-write.ts';

/** Members of one map: far more than a task may have. */
const MOST = 0xff_ff;

const isName = (name: string): boolean => TAG_NAME_PATTERN.test(name);

const tagValue: Kind = formed(
  {
    check: isTagValue,
    read: () => {
      const value = isTextNext() ? readText() : isBooleanNext() ? readBoolean() : readNumber();
      if (!isTagValue(value)) throw UNUSUAL;
      return value;
    },
    write: (value) => {
      if (!isTagValue(value)) throw UNUSUAL;
      if (typeof value === 'string') writeText(value);
      else if (typeof value === 'boolean') writeBoolean(value);
      else if (value >= 0) writeNumber(value);
      // The general codec writes those below 0.
      else throw UNUSUAL;
    },
  },
  {
    of: 'value',
    schema: { anyOf: [{ type: 'string', minLength: 1, maxLength: 256 }, { type: 'number' }, { type: 'boolean' }] },
  },
);

/** A map whose names are the user's: each is one that a field of a document may have. */
export const tags: Kind = formed(
  {
    check: (value) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
      if (value instanceof Uint8Array || value instanceof Date) return false;
      return Object.entries(value).every(([name, one]) => isName(name) && tagValue.check(one));
    },
    read: () => {
      const found: Record<string, unknown> = {};
      for (let left = readMapSize(); left > 0; left--) {
        const name = readWord();
        if (!isName(name)) throw UNUSUAL;
        found[name] = tagValue.read();
      }
      return found;
    },
    write: (value) => {
      if (typeof value !== 'object' || value === null) throw UNUSUAL;
      const members = Object.entries(value);
      const most = members.length < 16 ? members.length : MOST;
      const place = openMap(most);
      for (const [name, one] of members) {
        if (!isName(name)) throw UNUSUAL;
        writeText(name);
        tagValue.write(one);
      }
      closeMap(place, most, members.length);
    },
  },
  { of: 'values', names: TAG_NAME_PATTERN, value: tagValue },
);
