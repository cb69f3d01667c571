import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** A TCP relay in front of a server: an address that a test can let vanish and come back. Ends with the test. */
export async function useRelay(
  t: TestContext,
  targetPort: number,
): Promise<{
  readonly port: number;
  /** Cuts all connections and refuses new ones. */
  vanish(): void;
  /** Is there again, on the same port. */
  listen(): void;
}> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket, other: () => Socket): void => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      other().destroy();
    });
  };
  const server = createServer((socket) => {
    const upstream = connect(targetPort, '127.0.0.1');
    keep(socket, () => upstream);
    keep(upstream, () => socket);
    socket.pipe(upstream).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const vanish = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  t.after(vanish);
  return { port, vanish, listen: () => void server.listen(port, '127.0.0.1') };
}
