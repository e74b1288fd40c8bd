/** The first `x.y.z` (or `x.y`) in what a program prints about itself, such as `nats-server: v2.15.2`. */
export function parseVersion(text: string): string | undefined {
  return /(?<![\d.])v?(\d+\.\d+(?:\.\d+)?)/.exec(text)?.[1];
}

/** Below zero when `a` is older than `b`. What follows the numbers (`-preview.1`) is not looked at. */
export function compareVersions(a: string, b: string): number {
  const left = numbersOf(a);
  const right = numbersOf(b);
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const numbersOf = (version: string): number[] => (/^v?([\d.]+)/.exec(version)?.[1] ?? '0').split('.').map(Number);
