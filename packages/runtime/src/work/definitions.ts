import { DEFAULT_RUN_OPTIONS, type TaskError, type TaskRecord, type TypeDefinition } from '@baton/core';
import { fitsDefinition } from '@baton/protocols';
import { applyOverrides } from '../client/run-options.ts';
import { submitFault } from '../client/submit-mode.ts';
import { overridesIn } from '../commands/request-of.ts';
import { wrongScope } from '../run/scope-guard.ts';
import type { DefinitionFields } from './shapes.ts';

/** The definitions a worker serves its types by, as it tells them; or what is wrong with one of them. */
export const definitionsOf = (
  fields: readonly DefinitionFields[] | undefined,
): readonly TypeDefinition[] | string | undefined => {
  if (fields === undefined) return undefined;
  const definitions = fields.map(definitionOf);
  for (const { type, submit } of definitions) {
    const fault = submit === undefined ? undefined : submitFault(submit);
    if (fault !== undefined) return `definitions: that of '${type}': ${fault}`;
  }
  const large = definitions.find((definition) => !fitsDefinition(definition));
  return large === undefined ? definitions : `definitions: that of '${large.type}' is too large to be kept`;
};

const definitionOf = (fields: DefinitionFields): TypeDefinition => {
  const { type, title, description, args_schema: argsSchema } = fields;
  return {
    type,
    ...applyOverrides(DEFAULT_RUN_OPTIONS, overridesIn(fields)),
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(argsSchema === undefined ? {} : { argsSchema }),
  };
};

/** Why the worker must not run the task (behaviour D10); undefined: it may. */
export const scopeFault = (
  served: readonly TypeDefinition[] | undefined,
  record: Pick<TaskRecord, 'type' | 'scope'>,
): TaskError | undefined => {
  const definition = served?.find(({ type }) => type === record.type);
  return definition === undefined ? undefined : wrongScope(definition, record);
};
