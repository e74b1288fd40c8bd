import { DEFAULT_RUN_OPTIONS, type TaskError, type TaskRecord, type TypeDefinition, type TypeLimit } from '@baton/core';
import { fitsDefinition } from '@baton/protocols';
import { applyOverrides } from '../client/run-options.ts';
import { submitFault } from '../client/submit-mode.ts';
import { InvalidArgumentError } from '../errors.ts';
import { checkMost } from '../queues/check-limit.ts';
import { overridesIn } from '../commands/request-of.ts';
import { wrongScope } from '../run/scope-guard.ts';
import type { DefinitionFields, MostFields } from './shapes.ts';

/** The definitions a worker serves its types by, as it tells them; or what is wrong with one of them. */
export const definitionsOf = (
  fields: readonly DefinitionFields[] | undefined,
): readonly TypeDefinition[] | string | undefined => {
  if (fields === undefined) return undefined;
  const definitions = fields.map(definitionOf);
  for (const { type, submit, limits = [] } of definitions) {
    const fault = (submit === undefined ? undefined : submitFault(submit)) ?? limitFault(limits);
    if (fault !== undefined) return `definitions: that of '${type}': ${fault}`;
  }
  const large = definitions.find((definition) => !fitsDefinition(definition));
  return large === undefined ? definitions : `definitions: that of '${large.type}' is too large to be kept`;
};

const definitionOf = (fields: DefinitionFields): TypeDefinition => {
  const { type, title, description, args_schema: argsSchema } = fields;
  const limits = limitsIn(fields);
  return {
    type,
    ...applyOverrides(DEFAULT_RUN_OPTIONS, overridesIn(fields)),
    ...(limits.length === 0 ? {} : { limits }),
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(argsSchema === undefined ? {} : { argsSchema }),
  };
};

const limitsIn = ({
  concurrency,
  rate,
  per_group: perGroup,
  per_key: perKey,
}: DefinitionFields): readonly TypeLimit[] => [
  ...limitIn('type', { concurrency, rate }),
  ...limitIn('group', perGroup ?? {}),
  ...limitIn('key', perKey ?? {}),
];

const limitIn = (of: TypeLimit['of'], { concurrency, rate, when_full: whenFull }: MostFields): readonly TypeLimit[] =>
  concurrency === undefined && rate === undefined && (whenFull === undefined || whenFull === 'wait')
    ? []
    : [
        {
          of,
          ...(concurrency === undefined ? {} : { concurrency }),
          ...(whenFull === undefined || whenFull === 'wait' ? {} : { whenFull }),
          ...(rate === undefined ? {} : { rate: { units: rate.units, windowMs: rate.window } }),
        },
      ];

const limitFault = (limits: readonly TypeLimit[]): string | undefined => {
  try {
    for (const limit of limits) checkMost(limit);
    return undefined;
  } catch (error) {
    if (error instanceof InvalidArgumentError) return error.message;
    throw error;
  }
};

/** Why the worker must not run the task (behaviour D10); undefined: it may. */
export const scopeFault = (
  served: readonly TypeDefinition[] | undefined,
  record: Pick<TaskRecord, 'type' | 'scope'>,
): TaskError | undefined => {
  const definition = served?.find(({ type }) => type === record.type);
  return definition === undefined ? undefined : wrongScope(definition, record);
};
