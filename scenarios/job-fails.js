// A9, R42. Something goes wrong on a job's way. Before its report: the AI process fails 15 jobs and then
// works, and always fails on one kind of job, which must be given up after its limit and nothing else.
// After its report: the connection is cut at the ack, so that the job comes again and must count once.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: ['A9', 'R42'],
  target: 'consumer',
  needs: 'dead',
  load: { rate: 100, duration: '12s' },
  expect: { recovery: '3s' },
  catches: {
    'A9-ack-in-finally': 'no-loss',
    'A9-retry-for-ever': 'dead-letters',
    'R42-one-try': 'no-loss',
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
  const some = await run.inject(faults.worker([{ do: 'fail', times: 15 }]));
  await some.spent();
  await some.heal();
  await run.recovered();
  const hopeless = await run.inject(faults.worker([{ do: 'fail', match: 'poison pill' }]));
  const pill = await run.inject(faults.messages('poison'));
  await hopeless.inEffect();
  await pill.heal();
  await pill.gone();
  await hopeless.heal();
  const cut = await run.inject(faults.on('ack', 'cut', { nth: 5 }));
  await cut.inEffect();
  await cut.heal();
  await run.recovered();
}
