/** The package's own declaration exports a default that is not there when it is imported from a module. */
declare module 'robots-parser' {
  interface Robot {
    /** Undefined for a URL of another site. */
    isAllowed(url: string, userAgent?: string): boolean | undefined;
  }
  function robotsParser(url: string, text: string): Robot;
  export = robotsParser;
}
