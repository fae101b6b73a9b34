// R4, R10, R21. The broker runs short of memory, later of disk (real minutes, here 3 s each): it stops
// reading from connections that publish, acks and all. Jobs wait in the queue, and some fail meanwhile, so that
// the consumer wants to publish them for another try. It must go on with the others.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: ['R4', 'R10', 'R21'],
  target: 'consumer',
  broker: 'own',
  load: { rate: 100, duration: '14s' },
  expect: { recovery: '2s', worksOn: true, stall: '1.2s' },
  catches: {
    'R4-waits-for-confirm': 'works-on',
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
    const failing = await run.inject(faults.worker([
      { do: 'slow', delay: '600ms', times: 4 },
      { do: 'fail', times: 5 },
    ]));
    await failing.inEffect();
    const alarm = await run.inject(faults.brokerAlarm(resource, { waiting: 30, for: '3s' }));
    await alarm.inEffect();
    await failing.heal();
    await alarm.heal();
    await run.recovered();
  }
}
