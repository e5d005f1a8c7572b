import { type AddressInfo, createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';

export interface DemoBroker {
  /** For example mqtt://127.0.0.1:1883. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * An MQTT 3.1.1 broker inside this process, on the loopback interface and without persistence: for the demo only.
 * Takes port 1883, or any free one when that is in use.
 */
export async function startDemoBroker(port = 1883): Promise<DemoBroker> {
  const aedes = await Aedes.createBroker();
  const server = createServer(aedes.handle);
  try {
    await listen(server, port);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    await listen(server, 0);
  }
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}
