/** A bare number is seconds, as in the SDK. */
export const durationOf = (text: string): number | string => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : text);
