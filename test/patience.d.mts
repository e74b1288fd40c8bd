/** How long a test waits for what a machine with nothing else to do has done within `limitMs`. */
export declare const patient: (limitMs: number) => number;
