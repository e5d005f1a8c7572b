#!/usr/bin/env node
// Committed, unlike what it starts: npm links a command only if its file exists when it installs.
import '../dist/main.js';
