/** Marks that turn the direction of text around, and control characters: by them a name can look like another one. */
// oxlint-disable-next-line no-control-regex -- these are what is looked for
const TRICKS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text of somebody else as it can be shown beside ours: what is invisible and does something is made visible. */
export const plainText = (text: string): string => text.replace(TRICKS, '\ufffd');
