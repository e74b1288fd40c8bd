// See mongo-driver.ts.
export { DryMongoBinary } from 'mongodb-memory-server-core/lib/util/DryMongoBinary.js';
export { MongoBinaryDownload } from 'mongodb-memory-server-core/lib/util/MongoBinaryDownload.js';
export { MongoBinaryDownloadUrl } from 'mongodb-memory-server-core/lib/util/MongoBinaryDownloadUrl.js';
