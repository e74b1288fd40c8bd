/**
 * Seeds of the stories that a simulation tells: 1 to `count`, or those that `BATON_TEST_SEEDS` names, `1000+200` being 200
 * of them from 1000 on.
 */
export const seeds = (count: number): readonly number[] => {
  const wanted = process.env['BATON_TEST_SEEDS'] ?? `1+${count}`;
  const [, from = '', many = ''] = /^(\d+)\+(\d+)$/.exec(wanted) ?? [];
  if (many === '')
    throw new Error(`BATON_TEST_SEEDS is a first seed and a number of them, as 1000+200, and not ${wanted}`);
  return Array.from({ length: Number(many) }, (_, i) => Number(from) + i);
};
