// D9. Two hundred clients ask for 3 MB each and read 20 KB a second. The target keeps a bounded part of each answer, lets
// the backend wait for the rest, and cuts those who take too little for a second (real: 30 s); nobody else waits. Real: an
// outbound buffer that grew until the process ran out of memory, and the fixed sleep of 10 s in every answer that
// was the first remedy. Whoever has to wait for a slow one waits until it is cut, which is more than a second. 200 buffers of
// 256 KB are 51 MB, and as much again until the garbage is collected.
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const pages = [{ path: '/huge', size: 3000000 }];
const run = incident({
  id: 'D9',
  target: 'proxy',
  needs: ['slowreaders', 'wide'],
  backends: [{ threads: 400, pages }, { threads: 400, pages }],
  load: { rate: 100, duration: '14s' },
  expect: { recovery: '1s', memory: 110, readers: { min: '1100ms', max: '8s', whole: 5 }, latency: { p99: '800ms' } },
  catches: { 'D9-unbounded-buffer': 'memory', 'D9-cuts-at-once': 'readers', 'D9-total-limit': 'readers' },
});

export const options = run.options;

export function setup() {
  run.start();
}

const site = run.client(http);

export function load() {
  site.get('/items/7');
}

export async function story() {
  await run.steady();
  const slow = await run.inject(faults.slowReaders('/huge', { count: 200, rate: 20000 }));
  const patient = await run.inject(faults.slowReaders('/huge', { count: 5, rate: 600000 })); // who take enough
  await slow.inEffect();
  await patient.inEffect();
  await slow.spent();
  await patient.spent();
  await slow.heal();
  await patient.heal();
  await slow.gone();
  await patient.gone();
  await run.recovered();
}
