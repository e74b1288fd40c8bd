// What compiles schemas, loaded by who has one. A module of ours, since `import()` of a CommonJS package loses its names in a
// bundle of pieces.
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { Ajv2020 } from 'ajv/dist/2020.js';

/** `isOld`: of draft 7; else of 2020-12. */
export const compilerOf = (isOld: boolean): Ajv => {
  // Keywords of forms (`ui:order`) and unknown formats are nobody's fault.
  const options = { strict: false, logger: false, ownProperties: true } as const;
  const ajv = isOld ? new Ajv(options) : new Ajv2020(options);
  (addFormats as unknown as (ajv: Ajv) => void)(ajv);
  return ajv;
};
