declare module 'rison' {
  const rison: {
    /** Throws an Error for what is not Rison. */
    readonly decode: (text: string) => unknown;
  };
  export = rison;
}
