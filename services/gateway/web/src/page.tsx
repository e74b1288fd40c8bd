import { render } from 'preact';
import './styles/all.css';
import { Gate } from './shell/gate.tsx';
import { createPageRouter } from './shell/route.ts';
import { applyTheme, chosenTheme } from './ui/theme.ts';

applyTheme(chosenTheme());

const root = document.getElementById('baton');
if (root === null) throw new Error('the page has no element #baton');

/** The page's own server, and the cookie that the browser sends it. */
const server = { base: '', headers: () => Promise.resolve({}) };

render(<Gate server={server} router={createPageRouter()} embedded={false} />, root);
