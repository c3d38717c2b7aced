import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoDatabase;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.CollectionOptions;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.DatabaseResolver;
import de.bwaldvogel.mongo.backend.Index;
import de.bwaldvogel.mongo.backend.QueryParameters;
import de.bwaldvogel.mongo.backend.QueryResult;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.backend.memory.MemoryCollection;
import de.bwaldvogel.mongo.backend.memory.MemoryDatabase;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.oplog.Oplog;
import io.netty.channel.Channel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * A MongoDB for tests where there is no real one: in memory, on a free port, which it prints. It ends with its standard
 * input, so that it never outlives the process that has started it.
 */
public final class Server {
    private Server() {}

    public static void main(String[] arguments) throws IOException {
        MongoServer server = new MongoServer(new Backend().version(new Version()));
        server.bind(new InetSocketAddress("127.0.0.1", 0));
        System.out.println(server.getLocalAddress().getPort());
        System.out.flush();
        while (System.in.read() >= 0) {
            // Nothing is said to it.
        }
        Runtime.getRuntime().halt(0);
    }

    /** Current drivers refuse the wire version that the library announces by itself. */
    private static final class Version implements MongoVersion {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(5, 0, 0);
        }

        @Override
        public int getWireVersion() {
            return 13;
        }
    }

    private static final class Backend extends MemoryBackend {
        @Override
        public MemoryDatabase openOrCreateDatabase(String name) {
            return new Database(name, getCursorRegistry());
        }
    }

    private static final class Database extends MemoryDatabase {
        private static final Set<String> INDEX_COMMANDS = Set.of("createIndexes", "dropIndexes", "listIndexes");
        private final Object indexing = new Object();

        Database(String name, CursorRegistry cursors) {
            super(name, cursors);
        }

        @Override
        protected MemoryCollection openOrCreateCollection(String name, CollectionOptions options) {
            return new Collection(this, name, options, cursorRegistry);
        }

        /** The library makes and drops indexes without a lock, as if no two clients did so at once. */
        @Override
        public Document handleCommand(
                Channel channel, String command, Document query, DatabaseResolver databases, Oplog oplog) {
            if (!INDEX_COMMANDS.contains(command)) {
                return super.handleCommand(channel, command, query, databases, oplog);
            }
            synchronized (indexing) {
                return super.handleCommand(channel, command, query, databases, oplog);
            }
        }
    }

    private static final class Collection extends MemoryCollection {
        Collection(MongoDatabase database, String name, CollectionOptions options, CursorRegistry cursors) {
            super(database, name, options, cursors);
        }

        /** Changes of documents go through the list of indexes. */
        @Override
        public synchronized void addIndex(Index<Integer> index) {
            super.addIndex(index);
        }

        @Override
        public synchronized void dropIndex(String name) {
            super.dropIndex(name);
        }

        /** Answers with copies: the library changes its documents in place, and writes answers after it has let go of the lock. */
        @Override
        public synchronized QueryResult handleQuery(QueryParameters parameters) {
            QueryResult result = super.handleQuery(parameters);
            List<Document> copies = new ArrayList<>();
            for (Document document : result) {
                copies.add(document.cloneDeeply());
            }
            return new QueryResult(copies, result.getCursorId());
        }

        /** Takes the index of ids also where a query asks for more than the id. */
        @Override
        protected QueryResult queryDocuments(
                Document query, Document order, int skip, int limit, int batchSize, Document fields) {
            if (query.get("_id") instanceof String && query.size() > 1) {
                Document byId = new Document("_id", query.get("_id"));
                for (Index<Integer> index : getIndexes()) {
                    if (index.canHandle(byId)) {
                        return matchDocuments(
                                query, index.getPositions(byId), order, skip, limit, batchSize, fields);
                    }
                }
            }
            return super.queryDocuments(query, order, skip, limit, batchSize, fields);
        }
    }
}
