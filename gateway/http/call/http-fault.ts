/** What is wrong with a request in HTTP's own terms, for which no status of the gateway's stands: 413, 415. */
export class HttpFault extends Error {
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}
