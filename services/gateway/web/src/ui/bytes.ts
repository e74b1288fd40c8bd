const UNITS = ['bytes', 'KiB', 'MiB', 'GiB'] as const;

/** `812 bytes`, `1.4 MiB`: one decimal below ten. */
export const bytesText = (bytes: number): string => {
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < UNITS.length - 1) {
    value /= 1_024;
    unit++;
  }
  const shown = unit === 0 || value >= 9.95 ? Math.round(value) : Math.round(value * 10) / 10;
  return `${shown} ${UNITS[unit]}`;
};
