// A5, A6. At boot the AI process cannot do the warm-up's sample. There is no delivery to settle for
// it: settling one all the same makes the broker close the channel. Later the broker closes the
// channel for another reason, and the consumer must open a new one instead of failing for ever.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: ['A5', 'A6'],
  target: 'consumer',
  needs: ['alerts'],
  load: { rate: 100, duration: '12s' },
  expect: { recovery: '4s', alerts: { min: 1, max: 2 } },
  catches: {
    'A5-reject-sample': 'settle',
    'A6-dead-channel': 'recovered',
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
  const warmup = await run.inject(faults.reboot([
    faults.worker([{ on: 'request', do: 'fail' }]),
  ]));
  await warmup.inEffect();
  await warmup.heal();
  await run.recovered();
  const closed = await run.inject(faults.on('ack', 'close-channel', { nth: 5, code: 406 }));
  await closed.inEffect();
  await closed.heal();
  await run.recovered();
}
