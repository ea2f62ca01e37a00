import { defineConfig } from 'vite';

// The elements for other pages: one small module with a name that stays, and parts beside it
// that it loads when they are needed. Built after the app, into the same folder.
export default defineConfig({
  define: { 'process.env.NODE_ENV': '"production"' },
  build: {
    target: 'es2022',
    outDir: 'dist/embed',
    copyPublicDir: false,
    lib: { entry: 'src/embed/index.ts', formats: ['es'], fileName: () => 'creditbase.js' },
    rollupOptions: { output: { chunkFileNames: 'parts/[name]-[hash].js' } },
    chunkSizeWarningLimit: 700,
  },
});
