// R62. A deploy or a scale-down stops one of two consumers under load (SIGTERM), with jobs in work and
// more prefetched. It finishes or hands back what it holds, at once, and exits with 0 inside its grace
// (real 30 s, here 5 s). The other takes over until its successor starts, 1 s later, and nothing is lost.
import { sleep } from 'k6';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R62',
  target: 'consumer',
  instances: 2,
  load: { rate: 100, duration: '9s' },
  expect: { recovery: '2s', inFlight: true, takeover: '1s', serving: { share: 0.95, within: '1s' }, fairShare: 0.5 },
  catches: {
    'R62-deaf-to-stop': 'clean-exit',
    'R62-ack-all-on-stop': 'no-loss',
    'A7-hoard-on-drain': 'takeover',
  },
});

export const options = run.options;

export function setup() {
  run.start();
}

export function load() {
  run.submit({ prompt: 'a cat on a bicycle' });
}

export async function story() {
  await run.steady();
  const stopping = run.inject(faults.process('term', { holding: 6 }));
  const rush = await run.inject(faults.messages('plain', { count: 60 }));
  const stopped = await stopping;
  await rush.heal();
  await stopped.inEffect();
  sleep(1);
  await stopped.heal();
  await stopped.gone();
  await run.recovered();
}
