'use strict';

const fs = require('node:fs');
const path = require('node:path');
const express = require('express');

const page = fs.readFileSync(path.join(__dirname, 'page.html'), 'utf8');
const { version } = require('express/package.json');
const app = express();
app.disable('x-powered-by');

const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

app.get('/', (request, response) => {
  const facts = {
    Release: process.env.PAAS_RELEASE || 'on this machine',
    Express: version,
    'Node.js': process.versions.node,
  };
  const rows = Object.entries(facts).map(([k, v]) => `<dt>${escaped(k)}</dt><dd>${escaped(v)}</dd>`);
  response.type('html').send(page.replace('<!-- facts -->', rows.join('')));
});

app.get('/health', (request, response) => {
  response.json({ status: 'healthy' });
});

const server = app.listen(process.env.PORT || 3000, process.env.HOST || '127.0.0.1');
process.on('SIGTERM', () => server.close(() => process.exit(0)));
