'use strict';

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** What a visitor wrote is text, never markup. */
function escapeHtml(text) {
  return String(text).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

function page(entries) {
  const items = entries.map(({ text, written }) => {
    const time = new Date(written).toISOString();
    return `      <li><time>${time}</time> ${escapeHtml(text)}</li>`;
  });
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>Guestbook</title>
    <style>body { font: 1rem/1.5 system-ui; max-width: 40rem; margin: 3rem auto } time { color: #666 }</style>
  </head>
  <body>
    <h1>Guestbook</h1>
    <form method="post" action="/">
      <input name="text" maxlength="1000" required aria-label="Your entry">
      <button>Write</button>
    </form>
    <ul>
${items.join('\n')}
    </ul>
  </body>
</html>
`;
}

module.exports = { escapeHtml, page };
