/** Whether only this machine reaches what listens there. A name that is not `localhost` may lead anywhere: false. */
export function isLoopback(address: string): boolean {
  return (
    address === 'localhost' ||
    address === '::1' ||
    address.startsWith('unix:') ||
    /^127(?:\.\d{1,3}){3}$/.test(address)
  );
}
