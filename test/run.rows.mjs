// The table at the end of a run of the behaviour layer: what is promised, and how many tests say that it is so.

const ROW = /^([A-Z]\d{1,2})(?:,\s*|\b)/;

/** The row ids a title begins with: `D3, D4 twenty rounds` is of two rows. */
export const rowsIn = (title) => {
  const ids = [];
  let rest = title;
  for (let found = ROW.exec(rest); found; found = ROW.exec(rest)) {
    ids.push(found[1]);
    rest = rest.slice(found[0].length);
    if (!found[0].includes(',')) break;
  }
  return ids;
};

/**
 * @param {Readonly<Record<string, string>>} rows id -> short name
 * @param {readonly { title: string, passed: boolean }[]} tests
 * @returns {{ id: string, name: string, passed: number, failed: number }[]}
 */
export const countRows = (rows, tests) => {
  const counted = new Map(Object.entries(rows).map(([id, name]) => [id, { id, name, passed: 0, failed: 0 }]));
  for (const { title, passed } of tests) {
    for (const id of rowsIn(title)) {
      const row = counted.get(id);
      if (row) row[passed ? 'passed' : 'failed']++;
    }
  }
  return [...counted.values()];
};

const markOf = ({ passed, failed }) => {
  if (failed > 0) return 'FAIL';
  return passed > 0 ? 'ok  ' : 'NONE';
};

/** Prints the table. @returns {number} rows without a test; those with a failing one have been counted as tests. */
export const printRows = (rows) => {
  console.log('\nbehaviour      passed  failed');
  for (const row of rows) {
    const { id, name, passed, failed } = row;
    console.log(`${markOf(row)} ${id.padEnd(8)} ${String(passed).padStart(7)} ${String(failed).padStart(7)}  ${name}`);
  }
  const missing = rows.filter(({ passed, failed }) => passed + failed === 0);
  if (missing.length > 0) console.log(`\nRows without a test: ${missing.map(({ id }) => id).join(', ')}`);
  return missing.length;
};
