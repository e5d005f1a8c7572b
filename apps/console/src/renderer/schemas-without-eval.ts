import { z } from 'zod';

// The page's policy forbids `eval`. Without this the schema library tries it while the contract's schemas are built,
// and every start of the page is reported as a policy violation.
z.config({ jitless: true });
