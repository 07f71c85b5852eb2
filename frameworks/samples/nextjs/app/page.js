import next from 'next/package.json';

// The release is known when the app runs, not when it is built.
export const dynamic = 'force-dynamic';

export default function Page() {
  const facts = {
    Release: process.env.PAAS_RELEASE || 'on this machine',
    'Next.js': next.version,
    'Node.js': process.versions.node,
  };
  return (
    <main>
      <h1>Next.js</h1>
      <p>This page comes from a repository, in a guest of its own.</p>
      <dl>
        {Object.entries(facts).flatMap(([name, value]) => [
          <dt key={name}>{name}</dt>,
          <dd key={`${name}-value`}>{value}</dd>,
        ])}
      </dl>
    </main>
  );
}
