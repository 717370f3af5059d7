import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.hivemq.configuration.service.InternalConfigurations;
import com.hivemq.embedded.EmbeddedExtension;
import com.hivemq.embedded.EmbeddedHiveMQ;
import com.hivemq.extension.sdk.api.ExtensionMain;
import com.hivemq.extension.sdk.api.auth.SimpleAuthenticator;
import com.hivemq.extension.sdk.api.auth.parameter.SimpleAuthInput;
import com.hivemq.extension.sdk.api.auth.parameter.SimpleAuthOutput;
import com.hivemq.extension.sdk.api.auth.parameter.TopicPermission;
import com.hivemq.extension.sdk.api.auth.parameter.TopicPermission.MqttActivity;
import com.hivemq.extension.sdk.api.packets.auth.DefaultAuthorizationBehaviour;
import com.hivemq.extension.sdk.api.packets.connect.ConnackReasonCode;
import com.hivemq.extension.sdk.api.parameter.ExtensionStartInput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStartOutput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStopInput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStopOutput;
import com.hivemq.extension.sdk.api.services.Services;
import com.hivemq.extension.sdk.api.services.builder.Builders;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * HiveMQ Community Edition in this process, with the three permissions of HiveMQ Cloud's Access Management.
 *
 * <p>Arguments: a home folder that already holds conf/config.xml, conf/logback.xml, data/ and extensions/, and the users' file.
 * Prints "READY name=port ..." once every listener is up. Stops on SIGTERM, or when standard input ends: that is, whenever the test
 * process ends, however it ends.
 */
public final class HiveBroker {
    private static final long START_SECONDS = 60;
    private static final long STOP_SECONDS = 20;
    private static final int QOS_0_BUFFER_BYTES = 5 << 20; // HiveMQ's own default, stated because the tests rely on it

    public static void main(final String[] args) {
        final Path home = Path.of(args[0]).toAbsolutePath();
        final CountDownLatch quit = new CountDownLatch(1);
        final CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            quit.countDown();
            await(stopped, STOP_SECONDS);
        }));
        int exitCode = 1;
        try {
            run(home, new AccessManagement(Path.of(args[1])), quit);
            exitCode = 0;
        } catch (final Exception e) {
            System.err.println("FAILED " + e);
        }
        System.out.println("STOPPED");
        stopped.countDown();
        Runtime.getRuntime().halt(exitCode); // HiveMQ leaves threads behind that are no daemons
    }

    private static void run(final Path home, final AccessManagement access, final CountDownLatch quit) throws Exception {
        System.setProperty("hivemq.home", home.toString()); // else the folder that holds the jar
        System.setProperty("logback.configurationFile", home.resolve("conf/logback.xml").toString());
        InternalConfigurations.PERSISTENCE_SHUTDOWN_GRACE_PERIOD_MSEC.set(100);
        InternalConfigurations.QOS_0_MEMORY_LIMIT_PER_CLIENT_BYTES.set(QOS_0_BUFFER_BYTES);
        final EmbeddedExtension extension = EmbeddedExtension.builder().withId("access-management").withName("Access Management")
                .withVersion("1").withExtensionMain(access).build();
        try (EmbeddedHiveMQ hivemq = EmbeddedHiveMQ.builder().withConfigurationFolder(home.resolve("conf"))
                .withDataFolder(home.resolve("data")).withExtensionsFolder(home.resolve("extensions"))
                .withEmbeddedExtension(extension).build()) {
            hivemq.start().get(START_SECONDS, TimeUnit.SECONDS);
            if (!access.started) {
                throw new IllegalStateException("access management did not start; without it HiveMQ would let everyone in");
            }
            final StringBuilder ready = new StringBuilder("READY");
            Services.adminService().getServerInformation().getListener()
                    .forEach(l -> ready.append(' ').append(l.getName()).append('=').append(l.getPort()));
            System.out.println(ready);
            countDownAtEndOfInput(quit);
            quit.await();
        }
    }

    private static void countDownAtEndOfInput(final CountDownLatch quit) {
        final Thread reader = new Thread(() -> {
            try {
                while (System.in.read() >= 0) {
                    // what is written there means nothing, only the end does
                }
            } catch (final IOException e) {
                // a broken pipe is an end, too
            }
            quit.countDown();
        });
        reader.setDaemon(true);
        reader.start();
    }

    private static void await(final CountDownLatch latch, final long seconds) {
        try {
            latch.await(seconds, TimeUnit.SECONDS);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** One user, one permission, one topic filter, as in HiveMQ Cloud. The file is read at each login, so that tests may rewrite it. */
    private static final class AccessManagement implements ExtensionMain {
        private static final Map<String, MqttActivity> ACTIVITY = Map.of("PUBLISH_ONLY", MqttActivity.PUBLISH, "SUBSCRIBE_ONLY",
                MqttActivity.SUBSCRIBE, "PUBLISH_AND_SUBSCRIBE", MqttActivity.ALL);

        private final Path usersFile;
        private volatile boolean started;

        AccessManagement(final Path usersFile) {
            this.usersFile = usersFile;
        }

        @Override
        public void extensionStart(final ExtensionStartInput input, final ExtensionStartOutput output) {
            final SimpleAuthenticator authenticator = this::authenticate;
            Services.securityRegistry().setAuthenticatorProvider(provider -> authenticator);
            started = true;
        }

        @Override
        public void extensionStop(final ExtensionStopInput input, final ExtensionStopOutput output) {
        }

        private void authenticate(final SimpleAuthInput input, final SimpleAuthOutput output) {
            final String name = input.getConnectPacket().getUserName().orElse("");
            final ByteBuffer password = input.getConnectPacket().getPassword().orElse(null);
            try {
                for (final JsonNode user : new ObjectMapper().readTree(usersFile.toFile())) {
                    if (user.path("username").asText().equals(name) && password != null && password.equals(bytes(user.path("password")))) {
                        grant(user, output);
                        return;
                    }
                }
                output.failAuthentication(ConnackReasonCode.NOT_AUTHORIZED, "Not authorized");
            } catch (final IOException e) {
                output.failAuthentication(ConnackReasonCode.UNSPECIFIED_ERROR, "users' file: " + e);
            }
        }

        private static void grant(final JsonNode user, final SimpleAuthOutput output) {
            final TopicPermission permission = Builders.topicPermission().topicFilter(user.path("topic_filter").asText("#"))
                    .activity(ACTIVITY.get(user.path("permission").asText())).type(TopicPermission.PermissionType.ALLOW).build();
            output.getDefaultPermissions().add(permission);
            output.getDefaultPermissions().setDefaultBehaviour(DefaultAuthorizationBehaviour.DENY);
            output.authenticateSuccessfully();
        }

        private static ByteBuffer bytes(final JsonNode text) {
            return ByteBuffer.wrap(text.asText().getBytes(StandardCharsets.UTF_8));
        }
    }
}
