/** Style sheets are pulled in for the bundler, which writes them to files of their own. */
declare module '*.css' {}

/** All styles as text: put in by the build, for the component that lives in a shadow root. */
declare const BATON_STYLES: string;

/** Where the script of the shared worker is on its server: put in by the build, which names it by its content. */
declare const BATON_LIVE_WORKER: string;
