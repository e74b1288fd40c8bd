/** Style sheets are pulled in for the bundler, which writes them to files of their own. */
declare module '*.css' {}

/** All styles as text: put in by the build, for the component that lives in a shadow root. */
declare const BATON_STYLES: string;
