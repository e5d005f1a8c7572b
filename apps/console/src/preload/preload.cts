import electron = require('electron');

// The sandbox gives a preload no modules of its own: the channel's name is written out here and in common/shell-bridge.ts,
// and a test compares the two.
electron.contextBridge.exposeInMainWorld('plumblineShell', {
  feedAddress: () => electron.ipcRenderer.invoke('console:feed-address'),
});
