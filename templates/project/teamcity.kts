// Checks the profiles, bundles the sites and builds the images of every change.
//
// The agents have Slipway, or env.SLIPWAY_DEB names its Debian package. env.SLIPWAY_KEY_FILE names the private key's file on
// the agent, env.SLIPWAY_KEY_PASSPHRASE_FILE the file with its passphrase; without a key nothing is published.

import jetbrains.buildServer.configs.kotlin.BuildType
import jetbrains.buildServer.configs.kotlin.DslContext
import jetbrains.buildServer.configs.kotlin.buildSteps.script
import jetbrains.buildServer.configs.kotlin.project
import jetbrains.buildServer.configs.kotlin.triggers.vcs
import jetbrains.buildServer.configs.kotlin.version

version = "2024.03"

project {
    buildType(Images)
}

object Images : BuildType({
    name = "Images"
    // two runs at once would publish into one channel
    maxRunningBuilds = 1
    artifactRules = """
        out/*/* => images
        -:out/store
        -:out/bundles
    """.trimIndent()

    params {
        param("env.BUILD", "%build.counter%")
    }

    vcs {
        root(DslContext.settingsRoot)
    }

    steps {
        script {
            name = "Install slipway"
            scriptContent = "ci/prepare"
        }
        script {
            name = "Check the profiles"
            scriptContent = "ci/run check"
        }
        script {
            name = "Bundle the sites"
            scriptContent = "ci/run bundle"
        }
        script {
            name = "Build the images"
            scriptContent = "ci/run build"
        }
    }

    triggers {
        vcs {
        }
    }
})
