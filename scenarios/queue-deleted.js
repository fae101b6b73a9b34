// R6. The queue is deleted under the consumer, by a clean-up or because it moves to another node: the
// broker cancels the consumer (basic.cancel), the channel stays open. It must declare the queue, consume
// again, and finish the jobs that it holds: the broker has no copy of them any more. The jobs that
// arrive while it deletes the queue (0.1 s) are lost, and the broker confirms them all the same.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R6',
  target: 'consumer',
  needs: 'deep',
  broker: 'own',
  load: { rate: 35, duration: '8s' },
  expect: { recovery: '2s', inFlight: true, lost: 8 },
  catches: {
    'R6-deaf-to-cancel': 'recovered',
    'R6-hands-back': 'no-loss',
    'R6-drops-what-it-works-on': 'no-loss',
    'R6-declares-once': 'protocol',
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
  const deleted = await run.inject(faults.queueDeleted({ held: 24 }));
  const slow = await run.inject(faults.worker([{ do: 'slow', delay: '1s', times: 1 }]));
  await deleted.inEffect();
  await slow.heal();
  await deleted.heal();
  await run.recovered();
}
