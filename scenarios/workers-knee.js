// C8. How many workers are right? A server is started with one number of workers after another and loaded; the
// Universal Scalability Law, fitted to its throughput, says where more workers stop helping. The number that it is
// deployed with must be good enough, and a sweep that cannot tell must say so. Each request waits for a database,
// and then holds a lock in which every other worker is told: that, and not the machine, limits it here.
// Real: 4 workers were too many, 2 were a guess. The sweep's windows are short; at your desk: k6 x comeback workers.
import { incident } from 'k6/x/comeback';

const run = incident({
  id: 'C8',
  target: 'gunicorn',
  programs: 'asgi',
  sweep: { workers: [1, 2, 4, 6, 8], rounds: 4, clients: 24, path: '/shared?ms=8&lock=1.5&peer=0.45', warm: '150ms', window: '1s' },
  catches: { 'C8-tells-every-worker': 'workers' },
});

export const options = run.options;

export function setup() {
  run.start();
}

export async function story() {
  await run.sweep();
}
