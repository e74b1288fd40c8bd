const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** The shop's page of one customer. The list asks for a fresh token whenever it needs one. */
export const ordersPage = (customer: string, gateway: string): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Orders of ${escaped(customer)}</title>
    <style>
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
      form { margin-bottom: 1rem; }
    </style>
    <script type="module" src="${escaped(gateway)}/baton-task-list.js"></script>
  </head>
  <body>
    <h1>Orders of ${escaped(customer)}</h1>
    <form method="post" action="/orders/export"><button>Export my orders</button></form>
    <baton-task-list server="${escaped(gateway)}" filter="type=export_orders"></baton-task-list>
    <script type="module">
      document.querySelector('baton-task-list').tokenSource = async () => (await fetch('/my/baton-token')).text();
    </script>
  </body>
</html>
`;
