type Row = { id: string; name: string; passed: number; failed: number };
export declare const rowsIn: (title: string) => string[];
export declare const countRows: (
  rows: Readonly<Record<string, string>>,
  tests: readonly { title: string; passed: boolean }[],
) => Row[];
export declare const printRows: (rows: readonly Row[]) => number;
