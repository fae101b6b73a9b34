// R4, R10, R21. The broker runs short of memory, later of disk (real minutes, here 4 s each): it stops
// reading from connections that publish, acks and all. Jobs wait in the queue, and some fail meanwhile, so that
// the consumer wants to publish them for another try. It must go on with the others, and not only because it
// has doubts about the silence in the end: that takes longer than the alarm here.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: ['R4', 'R10', 'R21'],
  target: 'consumer',
  broker: 'own',
  needs: ['trusting'],
  load: { rate: 50, duration: '20s' }, // what the alarm held back is done soon: that the broker is late is not the consumer's doing
  expect: { recovery: '3s', worksOn: true },
  catches: {
    'R4-waits-for-confirm': 'works-on',
    'R10-knows-memory-only': 'works-on',
    'R21-one-connection': 'works-on',
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
  for (const resource of /** @type {const} */ (['memory', 'disk'])) {
    // Jobs pile up behind four that are slow; the alarm goes off, and then the next ones fail, one for each worker.
    const slow = await run.inject(faults.worker([{ do: 'slow', delay: '1.2s', times: 4 }]));
    const alarm = await run.inject(faults.brokerAlarm(resource, { waiting: 30, for: '4s' }));
    const failing = await run.inject(faults.worker([{ do: 'fail', times: 4 }]));
    await failing.spent();
    await alarm.inEffect();
    await slow.heal();
    await failing.heal();
    await alarm.heal();
    await run.recovered();
  }
}
