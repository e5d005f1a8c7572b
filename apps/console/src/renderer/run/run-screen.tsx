import type { ReactElement } from 'react';
import { Counters } from './counters.js';
import { Filmstrip } from './filmstrip.js';
import { ParetoCard } from './pareto-card.js';
import { PictureCard } from './picture-card.js';
import { TrendCard } from './trend-card.js';
import { VerdictBlock } from './verdict-block.js';
import { YieldCard } from './yield-card.js';

/** Picture and list on the left, from "now" down to "since start" on the right, the last NG parts below. */
export function RunScreen(): ReactElement {
  return (
    <div className="runc">
      <PictureCard />
      <section className="side">
        <VerdictBlock />
        <Counters />
        <YieldCard />
        <ParetoCard />
        <TrendCard />
      </section>
      <Filmstrip />
    </div>
  );
}
