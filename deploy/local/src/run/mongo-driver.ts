// What is loaded of the driver when a database starts. A module of ours, since `import()` of a CommonJS package loses its names
// in a bundle of pieces.
export { MongoClient } from 'mongodb';
